/* SPDX-License-Identifier: Apache-2.0 */
/* What a shop and its customers agree on: the errors that travel between them. */
#ifndef SHOP_H
#define SHOP_H

#include <godwit/error.h>

static const godwit_error_class_t out_of_stock = {"shop", "OutOfStock"};

#endif
