// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

const (
	// xattrRecord is the prefix of PAX records that are xattrs.
	xattrRecord = "SCHILY.xattr."

	capabilityXattr = "security.capability"
)

// setRecord applies a PAX record of an entry if it is an extended attribute.
// As in an unpack, trusted attributes and those of namespaces that the kernel
// does not know are skipped, and so are user attributes of anything but files
// and directories; what the kernel would refuse is refused.
func (d *draft) setRecord(r Record) string {
	name, ok := strings.CutPrefix(r.Key, xattrRecord)
	if !ok || strings.HasPrefix(name, "trusted.") {
		return ""
	}
	switch {
	case name == "" || len(name) > MaxXattrName:
		return fmt.Sprintf("xattr name of %d bytes, 1 to %d allowed", len(name), MaxXattrName)
	case strings.IndexByte(name, 0) >= 0:
		return "xattr name contains a NUL byte"
	case len(r.Value) > MaxXattrValue:
		return fmt.Sprintf("xattr %q of %d bytes, at most %d allowed", name, len(r.Value), MaxXattrValue)
	}
	switch space, rest, _ := strings.Cut(name, "."); space + "." {
	case "user.":
		if t := d.mode & modeType; t != modeRegular && t != modeDir {
			return ""
		}
		if rest == "" {
			break
		}
		d.putXattr(name, r.Value)
		return ""
	case "security.":
		if rest == "" || name == capabilityXattr && !validCapability(r.Value) {
			break
		}
		d.putXattr(name, r.Value)
		return ""
	case "system.":
		if rest == "posix_acl_access" || rest == "posix_acl_default" {
			break // would change the mode in ways not modelled here
		}
		return ""
	default:
		return ""
	}
	return fmt.Sprintf("xattr %q cannot be set", name)
}

// validCapability says whether the kernel takes the value: revision 2 or 3 of
// struct vfs_cap_data (linux/capability.h).
func validCapability(value string) bool {
	if len(value) < 4 {
		return false
	}
	const effective = 1
	switch magic := binary.LittleEndian.Uint32([]byte(value[:4])) &^ effective; magic {
	case 0x02000000:
		return len(value) == 20
	case 0x03000000:
		return len(value) == 24
	}
	return false
}

func (d *draft) findXattr(name string) (int, bool) {
	return slices.BinarySearchFunc(d.xattrs, name, func(x Xattr, name string) int {
		return strings.Compare(x.Name, name)
	})
}

func (d *draft) putXattr(name, value string) {
	i, found := d.findXattr(name)
	if !found {
		d.xattrs = slices.Insert(d.xattrs, i, Xattr{Name: name})
	}
	d.xattrs[i].Value = value
}

func (d *draft) dropXattr(name string) {
	if i, found := d.findXattr(name); found {
		d.xattrs = slices.Delete(d.xattrs, i, i+1)
	}
}
