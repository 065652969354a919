// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"bytes"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzState reads a state that another process, perhaps of another version,
// wrote.
func FuzzState(f *testing.F) {
	for _, r := range []record{
		{Identity: "layer index", Mountpoint: "/m", MountID: 7, Init: make([]byte, 104), Nodes: 3},
		{Init: make([]byte, 104)},
	} {
		s, err := newState(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(s.mem))
		s.close()
	}
	f.Add([]byte(stateMagic))
	f.Add(append([]byte(stateMagic), 255, 255, 255, 255))
	f.Add(append([]byte(stateMagic+"\x20\x00\x00\x00"+`{"Nodes":9223372036854775807}   `), make([]byte, stateHeader)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		fd, err := unix.MemfdCreate("fuzz", unix.MFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		file := os.NewFile(uintptr(fd), "fuzz")
		defer func() { _ = file.Close() }()
		if _, err := io.Copy(file, bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		s, err := openState(file)
		if err != nil {
			return
		}
		defer s.close()
		for _, node := range []uint64{0, uint64(max(s.Nodes, 1)) - 1, uint64(s.Nodes), 1 << 63} {
			if v := s.opens(node); (v != nil) != (node < uint64(s.Nodes)) {
				t.Errorf("node %d of %d: %v", node, s.Nodes, v)
			} else if v != nil {
				v.Add(1)
			}
		}
	})
}
