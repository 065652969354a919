// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// disk is a new ext4 file system in a sparse file.
//
// Measurements begin on one because the age of a file system changes them:
// ext4 without a journal, for one, passes by every inode that was removed in
// the last minutes, one by one, so that what was measured before makes files
// more than ten times as expensive.
type disk struct{ file, dir string }

// diskSize is far more than what is written in a measurement, in bytes.
const diskSize = 64 << 30

// newDisk mounts a new file system at dir, which it makes. Its file is next to it.
func newDisk(ctx context.Context, dir string) (_ *disk, err error) {
	d := &disk{file: dir + ".ext4", dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("file system for %s: %w", dir, err), d.close())
		}
	}()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(d.file)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(diskSize), f.Close()); err != nil {
		return nil, err
	}
	if _, err := output(ctx, "mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", d.file); err != nil {
		return nil, err
	}
	device, err := output(ctx, "losetup", "--find", "--show", d.file)
	if err != nil {
		return nil, err
	}
	_, _ = output(ctx, "losetup", "--direct-io=on", device) // or else pages are cached twice, as they are where it cannot
	_, err = output(ctx, "mount", device, dir)
	_, detach := output(ctx, "losetup", "--detach", device) // once nothing has it mounted
	return d, errors.Join(err, detach)
}

// close unmounts and removes the file system.
func (d *disk) close() error {
	var err error
	for range 100 { // processes that were killed may still hold it
		if err = unix.Unmount(d.dir, 0); !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) { // it was never mounted
		err = nil
	}
	if errors.Is(err, unix.EBUSY) {
		err = errors.Join(err, unix.Unmount(d.dir, unix.MNT_DETACH))
	}
	if e := os.Remove(d.file); !errors.Is(e, os.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

// output runs a program and returns what it prints, without the last newline.
func output(ctx context.Context, name string, args ...string) (string, error) {
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
