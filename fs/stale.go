// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mountInfo lists the mounts that we see (proc_pid_mountinfo(5)).
const mountInfo = "/proc/self/mountinfo"

// detachStale unmounts every mount of a layer below dir that is not kept: those of a
// process that died, whose files nobody reads.
func detachStale(dir string, kept func(mountpoint string) bool) error {
	f, err := os.Open(mountInfo)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	var stale []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		at, fsType := parseMount(lines.Text())
		ours := strings.HasPrefix(fsType, "fuse") || fsType == "erofs"
		if strings.HasPrefix(at, dir+"/") && ours && !kept(at) {
			stale = append(stale, at)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", mountInfo, err)
	}
	for _, at := range slices.Backward(stale) { // what is on top first
		if err := unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("detach stale mount %s: %w", at, err)
		}
		_ = unix.Rmdir(at) // to a mount under way an empty directory would be an empty layer
	}
	return nil
}

// parseMount is the mountpoint and type in a line of mountinfo:
//
//	36 35 98:0 /root /mountpoint options [optional fields] - type source options
func parseMount(line string) (mountpoint, fsType string) {
	before, after, ok := strings.Cut(line, " - ")
	fields := strings.Fields(before)
	if !ok || len(fields) < 5 {
		return "", ""
	}
	fsType, _, _ = strings.Cut(after, " ")
	return unescape(fields[4]), fsType
}

// unescape resolves the octal escapes of mountinfo, such as \040 for a space.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
