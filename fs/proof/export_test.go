// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof

import (
	"os"
	"testing"
)

// LoseSpool makes it impossible to put spans aside, until found is called.
func (p *Proof) LoseSpool(t *testing.T) (found func()) {
	t.Helper()
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	proper := p.spool.file
	p.spool.file = nothing
	return func() {
		p.spool.file = proper
		_ = nothing.Close()
	}
}
