// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fs_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	spryfs "github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/below"
	"github.com/spryd/spry/fs/remote/remotetest"
	"github.com/spryd/spry/fs/session/sessiontest"
	"github.com/spryd/spry/index"
	"github.com/spryd/spry/index/toc/toctest"
)

// treeOf is a layer by its file table.
func treeOf(t *testing.T, files []remotetest.File) below.Layer {
	t.Helper()
	return below.Tree(toctest.Tree(t, remotetest.Tar(t, files...)))
}

// Two layers are below the one that does not describe its directories.
func TestFits(t *testing.T) {
	type files = []remotetest.File
	sticky := remotetest.File{Name: "tmp/", Mode: 0o1777}
	tests := map[string]struct {
		implied      []string
		upper, lower files
		reason       string // "": it is lazy
	}{
		"nowhere below":  {[]string{"a", "a/b"}, nil, nil, ""},
		"nothing to ask": {nil, files{sticky}, nil, ""},
		"the same":       {[]string{"etc"}, nil, files{{Name: "etc/"}}, ""},
		"mode":           {[]string{"tmp"}, nil, files{sticky}, "/tmp, which is 1777 of 0:0 below"},
		"owner": {[]string{"home", "home/user"}, nil, files{{Name: "home/user/", UID: 7, GID: 8}},
			"/home/user, which is 0755 of 7:8 below"},
		"xattr": {[]string{"etc"}, nil, files{{Name: "etc/", Xattrs: map[string]string{"user.a": "b"}}},
			`/etc, which is 0755 of 0:0 with "user.a" below`},
		"xattrs of the host": {[]string{"etc"}, files{{Name: "etc/", Xattrs: map[string]string{
			"user.overlay.opaque": "y", "security.selinux": "x"}}, {Name: "etc/.wh..wh..opq"}}, nil, ""},
		"uppermost counts":   {[]string{"tmp"}, files{{Name: "tmp/"}}, files{sticky}, ""},
		"uppermost differs":  {[]string{"tmp"}, files{{Name: "tmp/", Mode: 0o711}}, files{{Name: "tmp/"}}, "0711"},
		"removed in between": {[]string{"tmp", "tmp/x"}, files{{Name: ".wh.tmp"}}, files{sticky, {Name: "tmp/x/", Mode: 0o700}}, ""},
		"parent is nowhere in the uppermost": {[]string{"a", "a-b", "a/b"}, nil,
			files{{Name: "a/"}, {Name: "a/b/", Mode: 0o700}}, "/a/b"},
		"link inside": {[]string{"lib"}, nil, files{{Name: "usr/lib/", Mode: 0o700}, {Name: "lib", Link: "/usr/lib"}},
			"/lib, which is 0700"},
		"link to itself": {[]string{"loop"}, nil, files{{Name: "loop", Link: "loop"}}, "/loop"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			stack := below.New([]below.Layer{treeOf(t, tc.upper), treeOf(t, tc.lower)})
			err := spryfs.CheckFits(t.Context(), tc.implied, stack)
			checkReason(t, err, tc.reason)
		})
	}
}

// checkReason: err matches ErrNotLazy and says reason, or there is none.
func checkReason(t *testing.T, err error, reason string) {
	t.Helper()
	switch {
	case reason == "" && err != nil:
		t.Error(err)
	case reason != "" && (!errors.Is(err, index.ErrNotLazy) || !strings.Contains(err.Error(), reason)):
		t.Errorf("error %v, want %s", err, reason)
	}
}

// The root of a layer has the owner of the one below it.
func TestFitsRoot(t *testing.T) {
	h := start(t, t.TempDir(), nil)
	img := push(t, remotetest.New(t), "app", "", 1)
	h.mount(t, img, 0, "a")
	mine, other := t.TempDir(), t.TempDir()
	if err := unix.Chown(other, 5, 6); err != nil {
		t.Fatal(err)
	}
	for reason, lowers := range map[string][]index.Lower{
		"":                                  {{Dir: mine}, {Dir: other}},
		"its root directory belongs to 5:6": {{Dir: other}, {Dir: mine}},
		"is not mounted":                    {{Layer: digest.FromString("unknown")}},
	} {
		err := h.Fits(t.Context(), img.desc.Layers[0].Digest, lowers)
		switch {
		case reason == "" && err != nil:
			t.Error(err)
		case reason != "" && (err == nil || !strings.Contains(err.Error(), reason)):
			t.Errorf("error %v, want %s", err, reason)
		}
	}
}

// TestLookBelow: what is below a layer is found while nobody serves the mounts
// there, when it is unpacked too, and also in plain layers.
func TestLookBelow(t *testing.T) {
	const lower, upper = 1011, 1012
	whole := []remotetest.File{{Name: "tmp/", Mode: 0o1777},
		{Name: "home/user/", UID: 7, GID: 8, Xattrs: map[string]string{"user.a": "b"}}}
	given(lower, remotetest.Gzip(t, remotetest.Tar(t, whole...)), nil)
	given(upper, remotetest.Gzip(t, remotetest.Tar(t, remotetest.File{Name: "tmp/x"}, remotetest.File{Name: "home/user/y"})), nil)
	for _, plain := range []bool{false, true} {
		srv := remotetest.New(t)
		img := push(t, srv, "app", "", lower, upper)
		h := start(t, t.TempDir(), func(o *spryfs.Options) { o.Background = plain })
		h.mount(t, img, 0, "a")
		h.mount(t, img, 1, "a")
		d := img.desc.Layers[0].Digest
		if plain {
			waitFor(t, func() bool { return strings.HasSuffix(h.dir(t, d), "/fs") })
		} else {
			deaf := sessiontest.NewDeaf(t, h.dir(t, d))
			time.AfterFunc(20*time.Second, deaf.Close)
			go func() {
				for opcode := range deaf.Heard() {
					t.Errorf("the mount was asked (opcode %d)", opcode)
					deaf.Close()
				}
			}()
		}
		lowers := []index.Lower{{Dir: t.TempDir()}, {Layer: d}}
		checkReason(t, h.Fits(t.Context(), img.desc.Layers[1].Digest, lowers), "/home/user, which is 0755 of 7:8")
		dir := t.TempDir()
		if _, err := h.Unpack(t.Context(), img.layerRef(1), dir, lowers); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"tmp", "home", "home/user"} {
			was, err := treeOf(t, whole)(name)
			got, gotErr := below.Dir(dir)(name)
			was.Atime, was.Mtime, got.Atime, got.Mtime = unix.Timespec{}, unix.Timespec{}, unix.Timespec{}, unix.Timespec{}
			if diff := cmp.Diff(was, got); diff != "" || err != nil || gotErr != nil {
				t.Errorf("plain: %v: /%s: %v, %v (-below +unpacked):\n%s", plain, name, err, gotErr, diff)
			}
		}
	}
}
