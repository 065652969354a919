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
// not yet dropped from buf. Up to three literals drop at most 3*11 bits, so
// the entry after two of them is good before the refill; a length with its
// distance drops 20+28.
//
// Statements stand in the order in which the next lookup waits for them, and so
// the compiler keeps them: with what a match is before the lookup behind it,
// two entries more were spilled, and the loop was 8 % slower.
func (d *decoder) fast() (x exit) {
	o := &d.out
	if len(d.bits.in)-d.bits.pos < fastMargin || o.pos >= o.limit || len(o.buf)-o.limit < OutputSlack {
		return exitMore
	}
	t := d.tab
	in := unsafe.Pointer(&d.bits.in[d.bits.pos])
	inEnd := uintptr(in) + uintptr(len(d.bits.in)-d.bits.pos-fastMargin)
	out := unsafe.Pointer(&o.buf[o.pos])
	outEnd := uintptr(out) + uintptr(o.limit-o.pos)
	near := uintptr(out) - uintptr(o.pos-o.near())
	in, buf, n := refill(in, d.bits.buf, uint64(d.bits.n))
	e := uint64(t.lit[buf&(1<<litBits-1)])
	for uintptr(out) < outEnd && uintptr(in) <= inEnd {
		if e&isLiteral != 0 {
			buf >>= e & dropMask
			next := uint64(t.lit[buf&(1<<litBits-1)])
			n -= e
			out = put(out, e)
			if e = next; e&isLiteral != 0 {
				buf >>= e & dropMask
				next := uint64(t.lit[buf&(1<<litBits-1)])
				n -= e
				out = put(out, e)
				if e = next; e&isLiteral != 0 {
					out = put(out, e)
					in, buf, n = refill(in, buf>>(e&dropMask), n-e)
					e = uint64(t.lit[buf&(1<<litBits-1)])
					continue
				}
			}
			in, buf, n = refill(in, buf, n)
		}
		if e&isSpecial != 0 {
			if e&isLink != 0 {
				buf, n = buf>>litBits, n-litBits
				e = uint64(t.lit[e>>16+buf&(1<<(e>>8&63)-1)])
				if e&isLiteral != 0 {
					out = put(out, e)
					in, buf, n = refill(in, buf>>(e&dropMask), n-e)
					e = uint64(t.lit[buf&(1<<litBits-1)])
					continue
				}
			}
			if e&isSpecial != 0 {
				x, buf, n = ended(e, buf, n)
				break
			}
		}
		rest := buf >> (e & dropMask)
		f := uint64(t.dist[rest&(1<<distBits-1)])
		if f&isSpecial != 0 {
			if f = t.farDist(f, rest); f&isSpecial != 0 {
				x = exitCorrupt
				break
			}
		}
		n -= e
		n -= f
		after := rest >> (f & dropMask)
		after |= *(*uint64)(in) << (n & 63)
		next := uint64(t.lit[after&(1<<litBits-1)])
		length := uintptr(e>>16 + buf&(1<<(e&dropMask)-1)>>(e>>8&63))
		dist := uintptr(f>>16 + rest&(1<<(f&dropMask)-1)>>(f>>8&63))
		in = unsafe.Add(in, 7-(n>>3)&7)
		buf, n, e = after, n|56, next
		if dist > uintptr(out)-near {
			d.far, x = match{int(length), int(dist)}, exitFar
			break
		}
		dst := out
		out = unsafe.Add(out, length)
		if dist >= 16 {
			copyFar(dst, dist, length)
		} else {
			copyNear(dst, dist, uintptr(out))
		}
	}
	d.bits.pos, d.bits.buf, d.bits.n = offset(d.bits.in, in), buf, uint(n&63)
	o.pos = offset(o.buf, out)
	return x
}

// farDist is the entry of a distance whose codeword begins rest, and does not end in the
// table that has f for it: that of the subtable, counted from where rest begins.
func (t *tables) farDist(f, rest uint64) uint64 {
	if f&isLink == 0 {
		return f
	}
	return uint64(t.dist[f>>16+rest>>distBits&(1<<(f>>8&63)-1)]) + distBits<<8 + distBits
}

// ended is why decoding ends at the special entry e, and the bits without it if
// that is the end of the block.
func ended(e, buf, n uint64) (exit, uint64, uint64) {
	if e&isEnd != 0 {
		return exitEnd, buf >> (e & dropMask), n - e
	}
	return exitCorrupt, buf, n
}

// offset is the index of p in b.
func offset(b []byte, p unsafe.Pointer) int {
	return int(uintptr(p) - uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}

// put appends the literal e.
func put(out unsafe.Pointer, e uint64) unsafe.Pointer {
	*(*byte)(out) = byte(e >> 16)
	return unsafe.Add(out, 1)
}

// copy32 copies 32 bytes, of which the second half may overlap the first.
func copy32(dst, src unsafe.Pointer) {
	*(*[16]byte)(dst) = *(*[16]byte)(src)
	*(*[16]byte)(unsafe.Add(dst, 16)) = *(*[16]byte)(unsafe.Add(src, 16))
}

// copyFar copies length bytes to dst from dist >= 16 bytes before it. It writes
// up to 31 bytes more.
func copyFar(dst unsafe.Pointer, dist, length uintptr) {
	src := unsafe.Add(dst, -int(dist))
	copy32(dst, src)
	for ; length > 32; length -= 32 {
		src, dst = unsafe.Add(src, 32), unsafe.Add(dst, 32)
		copy32(dst, src)
	}
}

// copyNear copies up to end to dst from dist bytes before it. It writes up to
// 7 bytes more.
func copyNear(dst unsafe.Pointer, dist, end uintptr) {
	src := unsafe.Add(dst, -int(dist))
	if dist == 1 {
		v := uint64(*(*byte)(src)) * 0x0101010101010101
		for ; uintptr(dst) < end; dst = unsafe.Add(dst, 8) {
			*(*uint64)(dst) = v
		}
		return
	}
	for step := int(min(dist, 8)); uintptr(dst) < end; {
		*(*uint64)(dst) = *(*uint64)(src) // min(dist, 8) good bytes
		src, dst = unsafe.Add(src, step), unsafe.Add(dst, step)
	}
}

// refill makes n (modulo 64) at least 56 by loading 8 bytes.
func refill(in unsafe.Pointer, buf, n uint64) (unsafe.Pointer, uint64, uint64) {
	buf |= *(*uint64)(in) << (n & 63)
	return unsafe.Add(in, 7-(n>>3)&7), buf, n | 56
}
