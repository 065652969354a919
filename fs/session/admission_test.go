// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// newRead is a READ of n bytes.
func newRead(s *Session, unique uint64, n uint32) read {
	r := make(request, 80)
	binary.NativeEndian.PutUint32(r[4:], opRead)
	binary.NativeEndian.PutUint64(r[8:], unique)
	binary.NativeEndian.PutUint32(r[readSizeOffset:], n)
	return read{s, r}
}

func uniques(reads []read) []uint64 {
	var out []uint64
	for _, r := range reads {
		out = append(out, r.request.unique())
	}
	return out
}

func TestAdmission(t *testing.T) {
	s := &Session{refs: 100}
	a := &admission{limit: 256 << 10}
	big, small := newRead(s, 1, 200<<10), newRead(s, 2, 4096)
	for _, c := range []struct {
		name string
		read read
		want verdict
	}{
		{"fits", big, run},
		{"does not fit with its least charge", small, queued},
		{"does not overtake", newRead(s, 3, 4096), queued},
		{"larger than the limit", newRead(s, 4, 1<<20), queued},
		{"last", newRead(s, 5, 4096), queued},
	} {
		if got := a.enter(c.read); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if d := cmp.Diff([]uint64{2, 3}, uniques(a.leave(big))); d != "" {
		t.Errorf("after the big one: %s", d)
	}
	if next := a.leave(small); next != nil {
		t.Errorf("a read larger than the limit ran beside another: %v", uniques(next))
	}
	if d := cmp.Diff([]uint64{4}, uniques(a.leave(newRead(s, 3, 4096)))); d != "" {
		t.Errorf("alone: %s", d)
	}
	if !a.take(s, 5) || a.take(s, 5) || a.take(s, 4) || a.take(&Session{}, 5) {
		t.Error("an interrupt takes exactly what is queued")
	}
	if next := a.leave(newRead(s, 4, 1<<20)); next != nil || a.bytes != 0 {
		t.Errorf("at the end: %v queued, %d bytes", uniques(next), a.bytes)
	}
}

func TestAdmissionOfEndedSession(t *testing.T) {
	ended, live := &Session{refs: 3}, &Session{refs: 3}
	a := &admission{limit: 1 << 20}
	first := newRead(live, 1, 1<<20)
	for _, r := range []read{first, newRead(ended, 2, 1), newRead(live, 3, 1)} {
		a.enter(r)
	}
	ended.ended = true
	a.drop(ended)
	if ended.refs != 2 {
		t.Errorf("%d references, want 2", ended.refs)
	}
	if got := a.enter(newRead(ended, 4, 1)); got != refused {
		t.Errorf("verdict %v", got)
	}
	if d := cmp.Diff([]uint64{3}, uniques(a.leave(first))); d != "" {
		t.Error(d)
	}
}

func TestBuffers(t *testing.T) {
	var b buffers
	var out [][]byte
	for i := range keptBuffers + 4 {
		buf := b.get(100)
		if small := len(buf) == 100+replySlack; small != (i >= keptBuffers) {
			t.Errorf("buffer %d has %d bytes", i, len(buf))
		}
		buf[0] = 1
		out = append(out, buf)
	}
	for _, buf := range out {
		b.put(buf)
	}
	if len(b.idle) != keptBuffers {
		t.Errorf("%d idle, want %d", len(b.idle), keptBuffers)
	}
	big := b.get(MaxRead)
	if len(big) != MaxRead+replySlack {
		t.Errorf("%d bytes", len(big))
	}
	b.put(big)
	b.free()
	if len(b.idle) != 0 || b.kept != 0 {
		t.Error("not freed")
	}
}

func TestKits(t *testing.T) {
	var p kits
	var out []*kit
	for range keptKits + 2 {
		k := p.get()
		k.in[requestBytes-1], k.out[replyBytes-1] = 1, 1
		out = append(out, k)
	}
	for _, k := range out {
		p.put(k)
	}
	if len(p.idle) != keptKits {
		t.Errorf("%d idle", len(p.idle))
	}
	p.free()
}

// Freeing what is idle leaves alone what is out, and as many may be kept afterwards.
func TestBuffersFreedWhileSomeAreOut(t *testing.T) {
	var b buffers
	out, idle := b.get(1), b.get(1)
	b.put(idle)
	b.free()
	if b.kept != 1 || len(b.idle) != 0 {
		t.Errorf("%d kept, %d idle, want the one that is out", b.kept, len(b.idle))
	}
	out[len(out)-1] = 1
	b.put(out)
	for range keptBuffers {
		if buf := b.get(1); len(buf) != MaxRead+replySlack {
			t.Error("a kept buffer is counted twice")
		} else {
			defer b.put(buf)
		}
	}
}
