// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package sessiontest

import (
	"errors"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spryd/spry/fs/session"
)

// Keeper is a keeper in this process: it has duplicates of what sessions give it. Safe
// for concurrent use.
type Keeper struct {
	mu    sync.Mutex
	files map[string][]*os.File // guarded by mu
}

var _ session.Keeper = (*Keeper)(nil)

// NewKeeper makes a keeper, which drops everything when the test ends.
func NewKeeper(tb testing.TB) *Keeper {
	k := &Keeper{files: map[string][]*os.File{}}
	tb.Cleanup(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		for name := range k.files {
			k.dropLocked(name)
		}
	})
	return k
}

// Hold implements session.Keeper.
func (k *Keeper) Hold(name string, files ...*os.File) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dropLocked(name)
	for _, f := range files {
		d, err := duplicate(f)
		if err != nil {
			k.dropLocked(name)
			return err
		}
		k.files[name] = append(k.files[name], d)
	}
	return nil
}

// Drop implements session.Keeper.
func (k *Keeper) Drop(name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dropLocked(name)
	return nil
}

// dropLocked is Drop.
func (k *Keeper) dropLocked(name string) {
	for _, f := range k.files[name] {
		_ = f.Close()
	}
	delete(k.files, name)
}

// Len is how many sessions it has.
func (k *Keeper) Len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.files)
}

// Inherit gives duplicates of everything to a successor.
func (k *Keeper) Inherit(tb testing.TB) (all []session.Inherited) {
	tb.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, files := range k.files {
		in := session.Inherited{Name: name}
		for _, f := range files {
			d, err := duplicate(f)
			if err != nil {
				tb.Fatal(err)
			}
			in.Files = append(in.Files, d)
		}
		all = append(all, in)
	}
	return all
}

// duplicate leaves f as it is; its Fd would make it block.
func duplicate(f *os.File) (*os.File, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var dup error
	if err := conn.Control(func(n uintptr) { fd, dup = unix.FcntlInt(n, unix.F_DUPFD_CLOEXEC, 3) }); errors.Join(err, dup) != nil {
		return nil, errors.Join(err, dup)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
