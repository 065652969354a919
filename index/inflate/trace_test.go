// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package inflate_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/spryd/spry/index/inflate"
)

// tracer traces from some of the blocks of a stream.
type tracer struct {
	*recorder
	walker inflate.Walker
	begin  func() bool
	chosen []int // blocks that pieces begin with
	masks  []*inflate.Mask
}

// Block implements [inflate.Sink].
func (tr *tracer) Block(b inflate.Block, window []byte) error {
	if tr.begin() {
		tr.chosen = append(tr.chosen, len(tr.blocks))
		tr.masks = append(tr.masks, new(inflate.Mask))
		tr.walker.Trace(tr.masks[len(tr.masks)-1])
	}
	return tr.recorder.Block(b, window)
}

// TestWalkerTrace wants what a walker traces to be what decoding each piece
// alone traces, and the walk to be the same as without.
func TestWalkerTrace(t *testing.T) {
	for i, s := range streams() {
		t.Run(s.name, func(t *testing.T) {
			for _, every := range []int{1, 3, 20} {
				rng := rand.New(rand.NewPCG(41, uint64(i)))
				tr := &tracer{recorder: &recorder{t: t}, begin: func() bool { return rng.IntN(every) == 0 }}
				if _, err := tr.walker.Walk(iotest.HalfReader(bytes.NewReader(s.blob)), tr); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(tr.out, s.want) {
					t.Fatal("output differs")
				}
				checkTraced(t, s, tr)
			}
		})
	}
}

func checkTraced(t *testing.T, s stream, tr *tracer) {
	t.Helper()
	blocks := make([]found, 0, len(tr.chosen))
	for _, i := range tr.chosen {
		blocks = append(blocks, tr.blocks[i])
	}
	for i, mask := range tr.masks {
		p, want := pieceOf(s, blocks, i, i+1)
		var used inflate.Mask
		p.Used = &used
		if got, err := p.Decode(nil); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("piece %d: %v", i, err)
		}
		if used != *mask {
			t.Fatalf("piece %d of %d bytes: %d bytes of window alone, %d in the walk", i, p.Size, used.Len(), mask.Len())
		}
		p.Used, p.Known = nil, mask
		if got, err := p.Decode(nil); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("piece %d with what was traced: %v", i, err)
		}
	}
}

// TestWalkerTraceEnds wants no tracing after Trace(nil), nor in the next walk.
func TestWalkerTraceEnds(t *testing.T) {
	s := streams()[0]
	var mask inflate.Mask
	tr := &tracer{recorder: &recorder{t: t}, begin: func() bool { return false }}
	for name, sink := range map[string]inflate.Sink{"nil": untraced{tr, &mask}, "another walk": tr} {
		tr.recorder = &recorder{t: t}
		mask = inflate.Mask{}
		if _, err := tr.walker.Walk(bytes.NewReader(s.blob), sink); err != nil {
			t.Fatal(err)
		}
		if mask.Len() != 0 {
			t.Errorf("%s: %d bytes traced", name, mask.Len())
		}
	}
}

// untraced begins to trace at each block and ends it at once.
type untraced struct {
	*tracer
	mask *inflate.Mask
}

// Block implements [inflate.Sink].
func (u untraced) Block(b inflate.Block, window []byte) error {
	u.walker.Trace(u.mask)
	u.walker.Trace(nil)
	return u.tracer.Block(b, window)
}
