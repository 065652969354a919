// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package detached makes mounts that are in no mount table, and puts them there
// (fsopen(2) and its kind, Linux 5.2).
package detached

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount makes a read-only mount of a file system, and opens its root: it is there as long
// as that is open, a file of it, or a place where it was attached. Options are NAME=VALUE or
// NAME, in the order in which the kernel gets them; an error has what the kernel says of them.
func Mount(kind string, options ...string) (*os.File, error) {
	fs, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("mount %s: fsopen: %w", kind, err)
	}
	defer func() { _ = unix.Close(fs) }()
	for _, o := range append(options, "ro") {
		if name, value, ok := strings.Cut(o, "="); ok {
			err = unix.FsconfigSetString(fs, name, value)
		} else {
			err = unix.FsconfigSetFlag(fs, name)
		}
		if err != nil {
			return nil, fmt.Errorf("mount %s: option %s: %w%s", kind, o, err, messages(fs))
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, fmt.Errorf("mount %s: %w%s", kind, err, messages(fs))
	}
	root, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("mount %s: fsmount: %w%s", kind, err, messages(fs))
	}
	return os.NewFile(uintptr(root), "root of "+kind+" mount"), nil
}

// Attach puts the mount of which root is the root on a directory.
func Attach(root *os.File, dir string) error {
	if err := unix.MoveMount(int(root.Fd()), "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("attach mount to %s: %w", dir, err)
	}
	return nil
}

// messages is what the kernel says of a mount that it does not make: " (...)" or nothing.
func messages(fs int) string {
	var all []string
	for buf := make([]byte, 1024); ; {
		n, err := unix.Read(fs, buf)
		if err != nil || n <= 0 {
			break
		}
		all = append(all, strings.TrimSpace(string(buf[:n])))
	}
	if len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, "; ") + ")"
}
