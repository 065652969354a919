// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

//go:build (amd64 || arm64) && !purego

package inflate

import "unsafe"

// fastMargin is the number of input bytes that fast wants ahead whenever it begins
// a symbol: it advances by at most 7 bytes before the first check and 14 after
// one, and loads 8 bytes at once.
const fastMargin = 32

// fast decodes symbols while there is output to fill and fastMargin bytes of
// input are ahead, so every bit it looks at is input.
//
// Invariants, at the head of the loop: n has at least 56 bits (its low six
// bits count, the others are garbage), e is the entry of the next symbol,
// not yet dropped from buf. Two literals and a length drop at most 2*11+20
// bits, a distance 28.
func (d *decoder) fast(o *output) exit {
	if len(d.bits.in)-d.bits.pos < fastMargin || o.pos >= o.limit || len(o.buf)-o.limit < OutputSlack {
		return exitMore
	}
	t := d.tab
	first := unsafe.Pointer(unsafe.SliceData(d.bits.in))
	in := unsafe.Add(first, d.bits.pos)
	inEnd := uintptr(first) + uintptr(len(d.bits.in)-fastMargin)
	base := unsafe.Pointer(unsafe.SliceData(o.buf))
	hist := uintptr(base) + uintptr(o.hist)
	out := unsafe.Add(base, o.pos)
	outEnd := uintptr(base) + uintptr(o.limit)
	buf, n := d.bits.buf, uint64(d.bits.n)
	x := exitMore
	in, buf, n = refill(in, buf, n)
	e := uint64(t.lit[buf&(1<<litBits-1)])
	for uintptr(out) < outEnd && uintptr(in) <= inEnd {
		if e&isLiteral != 0 {
			*(*byte)(out) = byte(e >> 16)
			out = unsafe.Add(out, 1)
			buf, n = buf>>(e&dropMask), n-e
			if e = uint64(t.lit[buf&(1<<litBits-1)]); e&isLiteral != 0 {
				*(*byte)(out) = byte(e >> 16)
				out = unsafe.Add(out, 1)
				buf, n = buf>>(e&dropMask), n-e
				if e = uint64(t.lit[buf&(1<<litBits-1)]); e&isLiteral != 0 {
					*(*byte)(out) = byte(e >> 16)
					out = unsafe.Add(out, 1)
					buf, n = buf>>(e&dropMask), n-e
					in, buf, n = refill(in, buf, n)
					e = uint64(t.lit[buf&(1<<litBits-1)])
					continue
				}
			}
		}
		if e&isSpecial != 0 {
			if e&isLink != 0 {
				buf, n = buf>>litBits, n-litBits
				e = uint64(t.lit[e>>16+buf&(1<<(e>>8&63)-1)])
				if e&isLiteral != 0 {
					*(*byte)(out) = byte(e >> 16)
					out = unsafe.Add(out, 1)
					buf, n = buf>>(e&dropMask), n-e
					in, buf, n = refill(in, buf, n)
					e = uint64(t.lit[buf&(1<<litBits-1)])
					continue
				}
			}
			if e&isSpecial != 0 {
				x = exitCorrupt
				if e&isEnd != 0 {
					buf, n = buf>>(e&dropMask), n-e
					x = exitEnd
				}
				break
			}
		}
		length := uintptr(e>>16 + buf&(1<<(e&dropMask)-1)>>(e>>8&63))
		buf, n = buf>>(e&dropMask), n-e
		in, buf, n = refill(in, buf, n)
		e = uint64(t.dist[buf&(1<<distBits-1)])
		if e&isLink != 0 {
			buf, n = buf>>distBits, n-distBits
			e = uint64(t.dist[e>>16+buf&(1<<(e>>8&63)-1)])
		}
		dist := uintptr(e>>16 + buf&(1<<(e&dropMask)-1)>>(e>>8&63))
		if e&isSpecial != 0 || dist > uintptr(out)-hist {
			x = exitCorrupt
			break
		}
		buf, n = buf>>(e&dropMask), n-e
		in, buf, n = refill(in, buf, n)
		e = uint64(t.lit[buf&(1<<litBits-1)])
		copyWide(out, dist, length)
		out = unsafe.Add(out, length)
	}
	d.bits.pos, d.bits.buf, d.bits.n = int(uintptr(in)-uintptr(first)), buf, uint(n&63)
	o.pos = int(uintptr(out) - uintptr(base))
	return x
}

// refill makes n (modulo 64) at least 56 by loading 8 bytes.
func refill(in unsafe.Pointer, buf, n uint64) (unsafe.Pointer, uint64, uint64) {
	buf |= *(*uint64)(in) << (n & 63)
	return unsafe.Add(in, 7-(n>>3)&7), buf, n | 56
}

// copyWide copies length bytes to dst from dist bytes before it. It writes up
// to 31 bytes more.
func copyWide(dst unsafe.Pointer, dist, length uintptr) {
	src := unsafe.Add(dst, -int(dist))
	end := uintptr(dst) + length
	if dist >= 16 {
		for {
			*(*[16]byte)(dst) = *(*[16]byte)(src)
			*(*[16]byte)(unsafe.Add(dst, 16)) = *(*[16]byte)(unsafe.Add(src, 16))
			src, dst = unsafe.Add(src, 32), unsafe.Add(dst, 32)
			if uintptr(dst) >= end {
				return
			}
		}
	}
	if dist == 1 {
		v := uint64(*(*byte)(src)) * 0x0101010101010101
		for ; uintptr(dst) < end; dst = unsafe.Add(dst, 16) {
			*(*uint64)(dst) = v
			*(*uint64)(unsafe.Add(dst, 8)) = v
		}
		return
	}
	// Each step of 8 bytes gives min(dist, 8) good ones.
	step := int(min(dist, 8))
	for uintptr(dst) < end {
		*(*uint64)(dst) = *(*uint64)(src)
		src, dst = unsafe.Add(src, step), unsafe.Add(dst, step)
	}
}
