// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof

import (
	"fmt"
	"slices"

	"github.com/spryd/spry/index/toc"
)

// compare says in what the served tree differs from the true one, "" if in
// nothing. Equal trees number their nodes equally.
func compare(served, real *toc.Tree) string {
	for id := toc.RootID; id <= toc.NodeID(min(served.Len(), real.Len())); id++ {
		if diff := compareNode(served, real, id); diff != "" {
			return diff
		}
	}
	if served.Len() != real.Len() {
		return fmt.Sprintf("%d files, the layer has %d", served.Len(), real.Len())
	}
	return ""
}

func compareNode(served, real *toc.Tree, id toc.NodeID) string {
	diff := func(what string, s, r any) string {
		return fmt.Sprintf("%.200q: %s %.200s, in the layer %.200s", served.Path(id), what, fmt.Sprintf("%+v", s), fmt.Sprintf("%+v", r))
	}
	s, _ := served.Attr(id)
	r, _ := real.Attr(id)
	switch {
	case served.Path(id) != real.Path(id):
		return diff("path", served.Path(id), real.Path(id))
	case s != r:
		return diff("attributes", s, r)
	case served.Implied(id) != real.Implied(id):
		return diff("implied", served.Implied(id), real.Implied(id))
	case served.Readlink(id) != real.Readlink(id):
		return diff("target", served.Readlink(id), real.Readlink(id))
	case !slices.Equal(served.Xattrs(id), real.Xattrs(id)):
		return diff("xattrs", served.Xattrs(id), real.Xattrs(id))
	case served.Children(id) != real.Children(id):
		return diff("names", served.Children(id), real.Children(id))
	}
	if so, size := served.Data(id); size > 0 {
		if ro, _ := real.Data(id); so != ro {
			return diff("content at", so, ro)
		}
	}
	for i := range served.Children(id) {
		sn, sc := served.Child(id, i)
		rn, rc := real.Child(id, i)
		if sn != rn || sc != rc {
			return diff("name", sn, rn)
		}
	}
	return ""
}
