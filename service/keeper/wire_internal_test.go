// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keeper

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzReceive sends what a broken process at the other end might. Whatever
// comes of it, no descriptor is left open.
func FuzzReceive(f *testing.F) {
	f.Add([]byte("h"), byte(0))
	f.Add([]byte("+fuse-42"), byte(2))
	f.Add([]byte("s"), byte(maxFiles))
	f.Add([]byte("s"), byte(maxFiles+1))
	f.Add(make([]byte, maxName+1), byte(1))
	f.Add(make([]byte, maxName+2), byte(1))
	f.Add([]byte{}, byte(3))
	null, err := os.Open(os.DevNull)
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	f.Fuzz(func(t *testing.T, b []byte, files byte) {
		before := openFiles(t)
		func() {
			conn, theirs, err := pair()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _, _ = conn.Close(), theirs.Close() }()
			var oob []byte
			fds := make([]int, files%32)
			for i := range fds {
				fds[i] = int(null.Fd())
			}
			if len(fds) > 0 {
				oob = unix.UnixRights(fds...)
				if len(b) == 0 {
					b = []byte{0} // Sendmsg sends one all the same
				}
			}
			if err := unix.Sendmsg(int(theirs.Fd()), b, oob, nil, unix.MSG_NOSIGNAL); err != nil {
				return // too large for the socket
			}
			m, err := receive(conn)
			fits := len(b) > 0 && len(b) <= 1+maxName && len(fds) <= maxFiles
			if (err == nil) != fits {
				t.Errorf("%d bytes, %d files: %v", len(b), len(fds), err)
			}
			if err == nil && (string(b) != string(m.kind)+m.name && m.kind < 0x80 || len(m.files) != len(fds)) {
				t.Errorf("sent %q and %d files, received %q, %q and %d", b, len(fds), m.kind, m.name, len(m.files))
			}
			m.close()
		}()
		if after := openFiles(t); after > before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
