// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Parts of a gzip member, RFC 1952, 2.3.
const (
	memberFixed   = 10 // bytes of the header that are always there
	memberTrailer = 8  // CRC32 and ISIZE
	flagHeaderCRC = 1 << 1
	flagExtra     = 1 << 2
	flagName      = 1 << 3
	flagComment   = 1 << 4
	// maxHeaderString bounds file name and comment, terminator included, as
	// compress/gzip does.
	maxHeaderString = 512
	// maxMemberHeader is the largest header.
	maxMemberHeader = memberFixed + 2 + 65535 + 2*maxHeaderString + 2
)

// errNoMember reports bytes that cannot begin a gzip member.
var errNoMember = errors.New("inflate: not a gzip member")

// memberHeader is the length of the gzip member header at the start of b.
// Errors are errShort when b ends inside it, errNoMember and ErrCorrupt.
// Like compress/gzip it ignores reserved flags.
func memberHeader(b []byte) (int, error) {
	magic := [...]byte{0x1f, 0x8b, 8}
	if m := min(len(b), len(magic)); !bytes.Equal(b[:m], magic[:m]) {
		return 0, errNoMember
	}
	if len(b) < memberFixed {
		return 0, errShort
	}
	flags, n := b[3], memberFixed
	if flags&flagExtra != 0 {
		if len(b)-n < 2 {
			return 0, errShort
		}
		n += 2 + int(binary.LittleEndian.Uint16(b[n:]))
	}
	for _, flag := range [...]byte{flagName, flagComment} {
		if flags&flag == 0 {
			continue
		}
		if n > len(b) {
			return 0, errShort
		}
		s := b[n:min(len(b), n+maxHeaderString)]
		i := bytes.IndexByte(s, 0)
		if i < 0 && len(s) == maxHeaderString {
			return 0, ErrCorrupt
		}
		if i < 0 {
			return 0, errShort
		}
		n += i + 1
	}
	if flags&flagHeaderCRC != 0 {
		if len(b)-n < 2 {
			return 0, errShort
		}
		if binary.LittleEndian.Uint16(b[n:]) != uint16(crc32.ChecksumIEEE(b[:n])) {
			return 0, ErrCorrupt
		}
		n += 2
	}
	if n > len(b) {
		return 0, errShort
	}
	return n, nil
}
