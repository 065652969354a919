// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package erofs

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount mounts the image in a file, whose layer is the file device, read-only at a directory.
// Both are opened by the kernel: if this process serves device, and is killed meanwhile, somebody
// else has to answer. The file may be removed afterwards. Linux 6.12.
func Mount(image, device, mountpoint string) error {
	fs, err := unix.Fsopen("erofs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return fmt.Errorf("mount erofs: fsopen: %w", err)
	}
	defer func() { _ = unix.Close(fs) }()
	for _, o := range [][2]string{{"source", image}, {"device", device}} {
		if err := unix.FsconfigSetString(fs, o[0], o[1]); err != nil {
			return fmt.Errorf("mount erofs: %s %s: %w%s", o[0], o[1], err, messages(fs))
		}
	}
	if err := unix.FsconfigSetFlag(fs, "ro"); err != nil {
		return fmt.Errorf("mount erofs: ro: %w%s", err, messages(fs))
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return fmt.Errorf("mount erofs: create: %w%s", err, messages(fs))
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY)
	if err != nil {
		return fmt.Errorf("mount erofs: fsmount: %w%s", err, messages(fs))
	}
	defer func() { _ = unix.Close(mount) }()
	if err := unix.MoveMount(mount, "", unix.AT_FDCWD, mountpoint, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount erofs: move_mount to %s: %w", mountpoint, err)
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
