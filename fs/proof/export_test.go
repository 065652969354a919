// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package proof

import (
	"os"
	"path/filepath"
	"testing"
)

// LoseSpool makes it impossible to put spans aside, until found is called.
func (p *Proof) LoseSpool(t *testing.T) (found func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spool") // which Close removes
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	readOnly, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	proper := p.spool.file
	p.spool.file = readOnly
	return func() {
		p.spool.file = proper
		_ = readOnly.Close()
	}
}
