// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package oracle

import (
	"fmt"
	"os"
	"time"

	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/integration/testbed"
)

// InflateTime is how long it takes to inflate a gzip layer on one processor,
// hashing nothing and writing nothing; 0 for a plain tar.
func InflateTime(l testbed.Layer) (time.Duration, error) {
	if plain(l) {
		return 0, nil
	}
	f, err := os.Open(l.Path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	start := time.Now()
	if _, err := inflate.Walk(f, nothing{}); err != nil {
		return 0, fmt.Errorf("inflate layer %s: %w", l.Descriptor.Digest, err)
	}
	return time.Since(start), nil
}

// nothing is an inflate.Sink that looks at nothing.
type nothing struct{}

func (nothing) Output([]byte) error               { return nil }
func (nothing) Block(inflate.Block, []byte) error { return nil }

var _ inflate.Sink = nothing{}
