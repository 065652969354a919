// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package buildtest_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/spryd/spry/index/build"
	"github.com/spryd/spry/index/build/buildtest"
	"github.com/spryd/spry/index/inflate"
)

// TestLies wants the one index proven and the other one not.
func TestLies(t *testing.T) {
	for _, l := range buildtest.Lies(t) {
		t.Run(l.Name, func(t *testing.T) {
			if err := build.Verify(t.Context(), bytes.NewReader(l.Blob), &build.Result{Ztoc: l.Honest}); err != nil {
				t.Error(err)
			}
			err := build.Verify(t.Context(), bytes.NewReader(l.Blob), &build.Result{Ztoc: l.False})
			if !errors.Is(err, build.ErrMismatch) && !errors.Is(err, inflate.ErrEnd) {
				t.Errorf("a false index: %v", err)
			}
		})
	}
}
