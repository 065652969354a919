// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package toc

import (
	"fmt"
	"math"
)

// NewTree replays the entries as containerd's overlayfs unpack would (package
// archive, Apply with OverlayConvertWhiteout) and returns what that leaves in
// the layer's directory. Where the order of entries matters there, it matters
// here: an entry replaces what has its name, a directory over a directory only
// updates attributes, a hard link updates those of its target.
//
// What an unpack leaves to chance or to the layers below is fixed: a missing
// parent is made 0755 and 0:0 with the modification time of the entry that
// needed it, see [Tree.Implied]; the root is such a directory too, because an
// unpack ignores entries that name it; a whiteout has the time of its entry.
//
// Entries that an unpack would refuse, and entries below a symlink of the same
// layer, which it would follow, make NewTree fail with an [*EntryError]: the
// layer has to be unpacked to know.
func NewTree(entries []Entry) (*Tree, error) {
	if len(entries) > MaxEntries {
		return nil, &EntryError{
			Index: MaxEntries, Name: entries[MaxEntries].Name,
			Reason: fmt.Sprintf("more than %d entries", MaxEntries),
		}
	}
	b := newBuilder(len(entries))
	for i := range entries {
		b.at = i
		if reason := b.apply(&entries[i]); reason != "" {
			return nil, &EntryError{Index: i, Name: entries[i].Name, Reason: reason}
		}
	}
	if i, reason := b.settleDirs(entries); reason != "" {
		return nil, &EntryError{Index: i, Name: entries[i].Name, Reason: reason}
	}
	t, bad := b.freeze()
	if bad != nil {
		bad.Name = entries[bad.Index].Name
		return nil, bad
	}
	return t, nil
}

// draft is a node while entries are applied.
type draft struct {
	mode, uid, gid uint32
	nlink          uint32
	implied        bool
	entry          int // that made it
	mtime          int64
	a, b           int64 // as in record, for files and devices
	target         string
	xattrs         []Xattr
	first          int32 // a directory's newest name, or none
	id             NodeID
}

func (d *draft) isDir() bool     { return d.mode&modeType == modeDir }
func (d *draft) isSymlink() bool { return d.mode&modeType == modeSymlink }

// slot is a name in a directory while entries are applied.
type slot struct {
	name string
	node uint32
	next int32 // in the same directory, or none
}

type key struct {
	dir  uint32
	name string
}

const (
	none      int32  = -1
	draftRoot uint32 = 0
)

// builder applies entries one after the other. Its methods return the reason
// why an entry cannot be applied, or "".
type builder struct {
	at     int // the entry being applied
	imply  int // how many more directories may be implied
	drafts []draft
	slots  []slot
	byKey  map[key]int32
	// lastDir and lastNode remember the latest parent, as neighbours in a
	// tar mostly share theirs.
	lastDir  string
	lastNode uint32
	// lostDir says that a directory was removed, so that the paths of
	// earlier directory entries may lead elsewhere now.
	lostDir bool
}

func newBuilder(entries int) *builder {
	b := &builder{
		imply:  MaxImplied + 2*entries,
		drafts: make([]draft, 0, entries+1),
		slots:  make([]slot, 0, entries),
		byKey:  make(map[key]int32, entries),
	}
	b.drafts = append(b.drafts, draft{mode: modeDir | 0o755, implied: true, first: none})
	return b
}

// apply applies one entry.
func (b *builder) apply(e *Entry) string {
	path, reason := cleanPath(e.Name)
	if reason != "" {
		return reason
	}
	if b.at == 0 {
		b.drafts[draftRoot].mtime = mtime(e)
	}
	if path == "" {
		return ""
	}
	dir, base := splitPath(path)
	parent, reason := b.makeParents(dir, e)
	if reason != "" {
		return reason
	}
	if done, reason := b.whiteout(parent, base, e); done || reason != "" {
		return reason
	}
	return b.create(parent, base, e)
}

// create makes base in parent what e says.
func (b *builder) create(parent uint32, base string, e *Entry) string {
	s, exists := b.byKey[key{parent, base}]
	if exists && e.Type == Directory && b.drafts[b.slots[s].node].isDir() {
		return b.setAttrs(b.slots[s].node, e)
	}
	if exists {
		b.unlink(b.slots[s].node)
		delete(b.byKey, key{parent, base})
	}
	var node uint32
	var reason string
	if e.Type == Hardlink {
		node, reason = b.linkTarget(e.Linkname)
	} else {
		node, reason = b.newNode(parent, e)
	}
	if reason != "" {
		return reason
	}
	if exists {
		b.slots[s].node = node
		b.byKey[key{parent, base}] = s
	} else {
		b.addName(parent, base, node)
	}
	b.drafts[node].nlink++
	return b.setAttrs(node, e)
}

// newNode makes a node of e's type, without attributes and without a name.
func (b *builder) newNode(parent uint32, e *Entry) (uint32, string) {
	d := draft{first: none, entry: b.at}
	switch e.Type {
	case Regular:
		d.mode, d.a, d.b = modeRegular, int64(e.Offset), e.Size
		if d.a < 0 || d.b < 0 || d.a > math.MaxInt64-d.b {
			return 0, fmt.Sprintf("data at offset %d with size %d", d.a, d.b)
		}
	case Directory:
		d.mode = modeDir
	case Symlink:
		d.mode, d.target = modeSymlink|0o777, e.Linkname
		if reason := checkTarget(e.Linkname); reason != "" {
			return 0, reason
		}
	case CharDevice, BlockDevice:
		if reason := d.setDevice(e); reason != "" {
			return 0, reason
		}
	case FIFO:
		d.mode = modeFIFO
	default:
		return 0, fmt.Sprintf("unknown type %d", e.Type)
	}
	return b.addDraft(parent, d), ""
}

// addDraft gives d what a new file gets from its directory.
func (b *builder) addDraft(parent uint32, d draft) uint32 {
	if dir := &b.drafts[parent]; dir.mode&modeSetgid != 0 {
		d.gid = dir.gid
	}
	b.drafts = append(b.drafts, d)
	return uint32(len(b.drafts) - 1)
}

// addName adds a name that parent does not have.
func (b *builder) addName(parent uint32, base string, node uint32) {
	s := int32(len(b.slots))
	b.slots = append(b.slots, slot{name: base, node: node, next: b.drafts[parent].first})
	b.drafts[parent].first = s
	b.byKey[key{parent, base}] = s
}

// unlink takes one name from node; a directory loses everything below it.
func (b *builder) unlink(node uint32) {
	b.drafts[node].nlink--
	if !b.drafts[node].isDir() {
		return
	}
	b.lostDir, b.lastDir = true, ""
	for s := b.drafts[node].first; s != none; s = b.slots[s].next {
		delete(b.byKey, key{node, b.slots[s].name})
		b.unlink(b.slots[s].node)
	}
	b.drafts[node].first = none
}
