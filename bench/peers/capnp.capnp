# SPDX-License-Identifier: Apache-2.0
@0xd2a5c8f11e0b7c43;

interface Echo {
    call @0 (data :Data) -> (data :Data);
}
