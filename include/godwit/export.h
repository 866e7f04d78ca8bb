/* SPDX-License-Identifier: Apache-2.0 */
/* The marks that public declarations carry. Every other public header includes this one. */
#ifndef GODWIT_EXPORT_H
#define GODWIT_EXPORT_H

/* A function that the shared library exports. Everything without this mark is hidden. */
#if !defined(GODWIT_EXPORT)
#if defined(__GNUC__)
#define GODWIT_EXPORT __attribute__ ((visibility ("default")))
#else
#define GODWIT_EXPORT
#endif
#endif

/* Around the declarations of a public header, so that C++ programs link with them. */
#if defined(__cplusplus)
#define GODWIT_BEGIN_DECLS extern "C" {
#define GODWIT_END_DECLS }
#else
#define GODWIT_BEGIN_DECLS
#define GODWIT_END_DECLS
#endif

#if defined(__GNUC__)
/* Argument number `text` is a printf format; its arguments begin at number `first` (0: it takes a va_list).
 */
#define GODWIT_PRINTF(text, first) __attribute__ ((format (printf, text, first)))
/* The caller has to look at the result. */
#define GODWIT_MUST_USE __attribute__ ((warn_unused_result))
/* These arguments (counted from 1) are never NULL. It lets the compiler drop a NULL check inside the
 * function, so a public function that answers NULL with a status does not carry it. */
#define GODWIT_NONNULL(...) __attribute__ ((nonnull (__VA_ARGS__)))
#else
#define GODWIT_PRINTF(text, first)
#define GODWIT_MUST_USE
#define GODWIT_NONNULL(...)
#endif

#endif
