// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// TestLayout: offsets are those of go-fuse's structs.
func TestLayout(t *testing.T) {
	for name, c := range map[string][2]int{
		"ReadIn.Size":       {readSizeOffset, int(unsafe.Offsetof(fuse.ReadIn{}.Size))},
		"InterruptIn":       {interruptBytes, int(unsafe.Sizeof(fuse.InterruptIn{}))},
		"InitOut.MaxWrite":  {maxWriteOffset - outHeaderBytes, int(unsafe.Offsetof(fuse.InitOut{}.MaxWrite))},
		"InHeader.Unique":   {8, int(unsafe.Offsetof(fuse.InHeader{}.Unique))},
		"OutHeader.Unique":  {8, int(unsafe.Offsetof(fuse.OutHeader{}.Unique))},
		"InHeader.NodeId":   {16, int(unsafe.Offsetof(fuse.InHeader{}.NodeId))},
		"InterruptIn.first": {inHeaderBytes, int(unsafe.Offsetof(fuse.InterruptIn{}.Unique))},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %d, go-fuse says %d", name, c[0], c[1])
		}
	}
}

func TestRequest(t *testing.T) {
	r := newRead(nil, 7, 5000).request
	r.limitSize(6000)
	if r.size() != 5000 || r.unique() != 7 || r.opcode() != opRead {
		t.Errorf("size %d, unique %d, opcode %d", r.size(), r.unique(), r.opcode())
	}
	r.limitSize(4096)
	if r.size() != 4096 {
		t.Errorf("limited to %d", r.size())
	}
	if got := newInterrupt(9); got.target() != 9 || got.opcode() != opInterrupt || len(got) != interruptBytes {
		t.Errorf("interrupt %v", got)
	}
	for tail, want := range map[string]string{"name\x00": "name", "name\x00ext": "name", "bare": "bare", "": "", "\x00": ""} {
		if got := string(append(make(request, inHeaderBytes), tail...).name()); got != want {
			t.Errorf("name of %q: %q", tail, got)
		}
	}
	b := make([]byte, outHeaderBytes)
	if n := putHeader(b, 3, fuse.EIO, 100); n != outHeaderBytes || int32(binary.NativeEndian.Uint32(b[4:])) != -int32(fuse.EIO) {
		t.Errorf("error header of %d bytes: %v", n, b)
	}
	if n := putHeader(b, 3, fuse.OK, 100); n != outHeaderBytes+100 || binary.NativeEndian.Uint32(b) != uint32(n) {
		t.Errorf("header of %d bytes: %v", n, b)
	}
}

// FuzzRequest: no message, however short, makes the accessors panic. The
// kernel sends none shorter than a header, and readRequest drops those.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(newInterrupt(1)))
	f.Add([]byte(newRead(nil, 1, 1).request))
	f.Fuzz(func(_ *testing.T, b []byte) {
		r := request(append(make([]byte, inHeaderBytes), b...))
		r.limitSize(4096)
		_, _, _, _, _ = r.opcode(), r.unique(), r.nodeID(), r.name(), r.target()
		if r.size() > 4096 {
			panic("not limited")
		}
	})
}
