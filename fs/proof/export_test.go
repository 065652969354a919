// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// LoseSpool makes it impossible to put spans aside, until found is called: the
// descriptor of the spool is of a file that cannot be written.
func (p *Proof) LoseSpool(t *testing.T) (found func()) {
	t.Helper()
	readOnly, err := os.OpenFile(filepath.Join(t.TempDir(), "empty"), os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = readOnly.Close() }()
	fd := int(p.spool.file.Fd())
	proper, err := unix.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(by int) {
		if err := unix.Dup3(by, fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
	replace(int(readOnly.Fd()))
	return func() {
		replace(proper)
		_ = unix.Close(proper)
	}
}
