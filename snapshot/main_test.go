// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package snapshot_test

import (
	"os"
	"testing"

	"github.com/containerd/log"
)

func TestMain(m *testing.M) {
	_ = log.SetLevel("error") // warnings are the normal case here
	os.Exit(m.Run())
}
