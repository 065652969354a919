// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mounted is one mount point and its file system type.
type mounted struct{ path, kind string }

// mountsBelow lists the mount points below dir, newest first.
func mountsBelow(dir string) ([]mounted, error) {
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var out []mounted
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) >= 3 && strings.HasPrefix(f[1], dir+"/") {
			out = append([]mounted{{f[1], f[2]}}, out...)
		}
	}
	return out, nil
}

// unmountBelow detaches everything mounted below dir.
func unmountBelow(dir string) error {
	all, err := mountsBelow(dir)
	for _, m := range all {
		if e := unix.Unmount(m.path, unix.MNT_DETACH); e != nil && !errors.Is(e, unix.EINVAL) {
			err = errors.Join(err, fmt.Errorf("unmount %s: %w", m.path, e))
		}
	}
	return err
}
