// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert

import (
	"strings"

	"github.com/spryd/spry/index/toc"
)

// HasXattrs says whether a layer needs extended attributes to be shown: some
// entry has one, or a directory is opaque. If not, its index entry may say
// DisableXattrs.
func HasXattrs(entries []toc.Entry) bool {
	for i := range entries {
		if strings.HasSuffix(entries[i].Name, ".wh..wh..opq") {
			return true
		}
		for _, r := range entries[i].PAX {
			if strings.HasPrefix(r.Key, "SCHILY.xattr.") {
				return true
			}
		}
	}
	return false
}
