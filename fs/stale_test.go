// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"strings"
	"testing"

	spryfs "github.com/spryd/spry/fs"
)

func TestParseMount(t *testing.T) {
	tests := map[string]struct{ line, at, fsType string }{
		"plain":          {"36 35 98:0 / /var/lib/spry/m/ab rw - fuse.spry spry rw", "/var/lib/spry/m/ab", "fuse.spry"},
		"optional field": {"36 35 98:0 / /m rw,noatime shared:1 master:2 - ext4 /dev/a rw", "/m", "ext4"},
		"escapes":        {`36 35 98:0 / /a\040b\011c\134d rw - fuse x rw`, "/a b\tc\\d", "fuse"},
		"no escape":      {`36 35 98:0 / /a\04 rw - fuse x rw`, `/a\04`, "fuse"},
		"no separator":   {"36 35 98:0 / /m rw fuse x rw", "", ""},
		"short":          {"36 35 - fuse x", "", ""},
		"empty":          {"", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if at, fsType := spryfs.ParseMount(tt.line); at != tt.at || fsType != tt.fsType {
				t.Errorf("got %q of type %q, want %q of type %q", at, fsType, tt.at, tt.fsType)
			}
		})
	}
}

func FuzzParseMount(f *testing.F) {
	f.Add(`36 35 98:0 / /a\040b rw - fuse x rw`)
	f.Fuzz(func(t *testing.T, line string) {
		at, fsType := spryfs.ParseMount(line)
		if len(at)+len(fsType) > len(line) || strings.Contains(fsType, " ") {
			t.Errorf("%q: got %q of type %q", line, at, fsType)
		}
	})
}
