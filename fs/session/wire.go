// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"bytes"
	"encoding/binary"
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Opcodes and layouts of linux/fuse.h that the loop looks at itself.
const (
	opLookup      = 1
	opOpen        = 14
	opRead        = 15
	opReadDir     = 28
	opInterrupt   = 36
	opReadDirPlus = 44

	inHeaderBytes  = int(unsafe.Sizeof(fuse.InHeader{}))
	outHeaderBytes = int(unsafe.Sizeof(fuse.OutHeader{}))
	entryOutBytes  = int(unsafe.Sizeof(fuse.EntryOut{}))
	// interruptBytes is struct fuse_in_header + struct fuse_interrupt_in.
	interruptBytes = inHeaderBytes + 8
	// readOffsetOffset is where READ says from where on it wants it.
	readOffsetOffset = inHeaderBytes + 8
	// readSizeOffset is where READ and READDIR say how much they want.
	readSizeOffset = inHeaderBytes + 16
	// maxWriteOffset is where the answer to INIT limits writes.
	maxWriteOffset = outHeaderBytes + 20
	// flagsOffset and flags2Offset are the halves of what that agrees on.
	flagsOffset  = outHeaderBytes + 12
	flags2Offset = outHeaderBytes + 32
	// initFlagsOffset and initFlags2Offset are the halves of what INIT offers,
	// and initExt the flag that says that there is a second half.
	initFlagsOffset  = inHeaderBytes + 12
	initFlags2Offset = inHeaderBytes + 16
	initExt          = 1 << 30

	// notifyResend is FUSE_NOTIFY_RESEND.
	notifyResend = 7
)

// request is one message from the kernel.
type request []byte

func (r request) opcode() uint32 { return binary.NativeEndian.Uint32(r[4:]) }
func (r request) unique() uint64 { return binary.NativeEndian.Uint64(r[8:]) }
func (r request) nodeID() uint64 { return binary.NativeEndian.Uint64(r[16:]) }

// thread is the id of the thread that waits for the answer.
func (r request) thread() uint32 { return binary.NativeEndian.Uint32(r[32:]) }

// size is what a READ or READDIR wants, in bytes.
func (r request) size() uint32 {
	if len(r) < readSizeOffset+4 {
		return 0
	}
	return binary.NativeEndian.Uint32(r[readSizeOffset:])
}

// offset is from where on a READ wants it, in bytes.
func (r request) offset() uint64 {
	if len(r) < readOffsetOffset+8 {
		return 0
	}
	return binary.NativeEndian.Uint64(r[readOffsetOffset:])
}

// limitSize lowers what a READ or READDIR wants.
func (r request) limitSize(n uint32) {
	if r.size() > n {
		binary.NativeEndian.PutUint32(r[readSizeOffset:], n)
	}
}

// name is the file name that follows the header of a LOOKUP.
func (r request) name() []byte {
	b := r[inHeaderBytes:]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

// target is the request that an INTERRUPT names.
func (r request) target() uint64 {
	if len(r) < interruptBytes {
		return 0
	}
	return binary.NativeEndian.Uint64(r[inHeaderBytes:])
}

// newInterrupt makes the INTERRUPT that names unique, as the kernel would.
func newInterrupt(unique uint64) request {
	r := make(request, interruptBytes)
	binary.NativeEndian.PutUint32(r, uint32(len(r)))
	binary.NativeEndian.PutUint32(r[4:], opInterrupt)
	binary.NativeEndian.PutUint64(r[inHeaderBytes:], unique)
	return r
}

// putHeader writes the header of a reply of n payload bytes, or of the error
// reply st, and returns the length of the reply.
func putHeader(b []byte, unique uint64, st fuse.Status, n int) int {
	if !st.Ok() {
		n = 0
	}
	binary.NativeEndian.PutUint32(b, uint32(outHeaderBytes+n))
	binary.NativeEndian.PutUint32(b[4:], uint32(-int32(st)))
	binary.NativeEndian.PutUint64(b[8:], unique)
	return outHeaderBytes + n
}

// initFlags are the capabilities in an answer to INIT.
func initFlags(b []byte) uint64 {
	if len(b) < flags2Offset+4 {
		return 0
	}
	low, high := binary.NativeEndian.Uint32(b[flagsOffset:]), binary.NativeEndian.Uint32(b[flags2Offset:])
	return uint64(high)<<32 | uint64(low)
}

// initWith is an INIT that offers these capabilities and no more: a server
// that knows of others than its predecessor must not believe in them.
func initWith(init []byte, flags uint64) request {
	r := bytes.Clone(init)
	if len(r) >= initFlags2Offset+4 {
		binary.NativeEndian.PutUint32(r[initFlagsOffset:], uint32(flags)|initExt)
		binary.NativeEndian.PutUint32(r[initFlags2Offset:], uint32(flags>>32))
	}
	return r
}

// newResend makes the notification that has the kernel send every request
// again that was read and not answered.
func newResend() []byte {
	b := make([]byte, outHeaderBytes)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint32(b[4:], notifyResend)
	return b
}
