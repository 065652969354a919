// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package erofs

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/spryd/spry/index/toc"
)

// prefixes of extended attributes have numbers.
var prefixes = []struct {
	prefix string
	whole  bool // nothing follows
	number byte
}{
	{"user.", false, 1},
	{"system.posix_acl_access", true, 2},
	{"system.posix_acl_default", true, 3},
	{"trusted.", false, 4},
	{"security.", false, 6},
}

// xattrs encodes the attributes of a node, as they follow its inode.
func (im *Image) xattrs(id toc.NodeID) ([]byte, error) {
	list := im.tree.Xattrs(id)
	if len(list) == 0 {
		return nil, nil
	}
	b := make([]byte, xattrHeader, 128)
	for _, x := range list {
		number, rest, ok := splitXattr(x.Name)
		if !ok || len(rest) > math.MaxUint8 || len(x.Value) > math.MaxUint16 {
			return nil, fmt.Errorf("extended attribute %.80q of %d bytes", x.Name, len(x.Value))
		}
		b = append(b, byte(len(rest)), number)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(x.Value)))
		b = append(b, rest...)
		b = append(b, x.Value...)
		b = append(b, make([]byte, -len(b)&3)...)
	}
	if (len(b)-xattrHeader)/4+1 > math.MaxUint16 {
		return nil, fmt.Errorf("extended attributes of %d bytes", len(b))
	}
	return b, nil
}

// splitXattr splits a name into the number of its prefix and the rest.
func splitXattr(name string) (number byte, rest string, ok bool) {
	for _, p := range prefixes {
		if rest, found := strings.CutPrefix(name, p.prefix); found && (rest == "") == p.whole {
			return p.number, rest, true
		}
	}
	return 0, "", false
}
