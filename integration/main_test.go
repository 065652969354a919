// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package integration_test runs Spry the way its users do: a real containerd,
// a real registry, real containers through runc.
//
// Each test makes a node (containerd and spryd of its own, in a directory of
// its own) and a registry on loopback. Programs come from integration/setup.sh
// and "make build".
package integration_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/spryd/spry/integration/testbed"
)

// tools are the programs every test uses.
var tools testbed.Tools

func TestMain(m *testing.M) {
	if os.Getuid() != 0 {
		fmt.Fprintln(os.Stderr, "integration tests mount file systems and start containers: run them as root")
		os.Exit(1)
	}
	var err error
	if tools, err = testbed.FindTools(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// timeout bounds one test.
const timeout = 3 * time.Minute

// testContext ends with the test or after the timeout.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}
