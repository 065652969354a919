// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/integration/testbed"
)

func TestParseSnapshotter(t *testing.T) {
	for _, c := range []struct {
		text string
		want testbed.Snapshotter
	}{
		{"peer=daemon --address {sock}", testbed.Snapshotter{Name: "peer", Tag: "soci", Command: "daemon --address {sock}"}},
		{"peer:other=daemon", testbed.Snapshotter{Name: "peer", Tag: "other", Command: "daemon"}},
		{"p-2=A=1 daemon --x=y", testbed.Snapshotter{Name: "p-2", Tag: "soci", Command: "A=1 daemon --x=y"}},
	} {
		got, err := testbed.ParseSnapshotter(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
	for _, text := range []string{"", "peer", "peer=", "peer= ", "=daemon", "peer:=daemon", "Peer=daemon", "a b=daemon", "../x=daemon", "overlayfs=daemon"} {
		if s, err := testbed.ParseSnapshotter(text); err == nil {
			t.Errorf("%q is accepted: %+v", text, s)
		}
	}
}
