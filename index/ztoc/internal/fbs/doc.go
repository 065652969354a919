// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package fbs reads and writes FlatBuffers, as much of them as a ztoc needs:
// tables, strings, vectors of offsets, vectors of bytes and scalars.
//
// A buffer starts with the position of its root table. A table starts with
// the distance back to its vtable, which says where each field (slot) lies:
//
//	buffer   u32 root | ...
//	table    i32 table-vtable | fields, each aligned to its size
//	vtable   u16 bytes of vtable | u16 bytes of table | u16 field offset per slot, 0 = absent
//	string   u32 length | bytes | NUL
//	vector   u32 count | elements
//
// References are u32 distances forward, from the place that holds them.
//
// The [Builder] writes from the back of the buffer to the front and lays out
// every byte as the builder of the reference implementation does, because
// ztocs are compared by digest. That includes one oddity: a vtable is reused
// when the field offsets agree, even if the size of the table does not, so a
// reader must not trust that size.
//
// The [Reader] trusts nothing: every position is checked against the buffer,
// and the first violation sticks and makes every later answer empty.
package fbs
