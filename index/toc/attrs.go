// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"fmt"
	"math"
	"time"
)

// unchanged is the id with which chown(2) leaves an owner as it is.
const unchanged = ^uint32(0)

// setAttrs applies e's owner, xattrs, mode and time to node, in that order, as
// an unpack does; the order matters to security.capability.
func (b *builder) setAttrs(node uint32, e *Entry) string {
	d := &b.drafts[node]
	d.implied = false
	d.chown(e)
	for _, r := range e.PAX {
		if reason := d.setRecord(r); reason != "" {
			return reason
		}
	}
	if !d.isSymlink() {
		d.mode = d.mode&modeType | uint32(e.Mode&modeBits)
	}
	d.mtime = mtime(e)
	return ""
}

// chown sets the owner. It takes the capabilities from anything but a
// directory, as the kernel does.
func (d *draft) chown(e *Entry) {
	if e.UID != unchanged {
		d.uid = e.UID
	}
	if e.GID != unchanged {
		d.gid = e.GID
	}
	if !d.isDir() {
		d.dropXattr(capabilityXattr)
	}
}

// setDevice makes d the device that e describes, with the numbers that
// mknod(2) makes of them: 12 and 20 bits.
func (d *draft) setDevice(e *Entry) string {
	if e.Devmajor < 0 || e.Devmajor > math.MaxUint32 || e.Devminor < 0 || e.Devminor > math.MaxUint32 {
		return fmt.Sprintf("device number %d:%d", e.Devmajor, e.Devminor)
	}
	d.mode, d.a, d.b = modeChar, e.Devmajor&0xfff, e.Devminor&0xfffff
	if e.Type == BlockDevice {
		d.mode = modeBlock
	}
	return ""
}

// mtime is the time an unpack gives e, in nanoseconds since the epoch: times
// before it or too late for 64 bits become the epoch.
func mtime(e *Entry) int64 {
	if e.ModTime.Before(time.Unix(0, 0)) || e.ModTime.After(time.Unix(0, math.MaxInt64)) {
		return 0
	}
	return e.ModTime.UnixNano()
}
