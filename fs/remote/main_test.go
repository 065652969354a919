// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote_test

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails when a goroutine of the package, or a connection that a
// closed Registry should have dropped, outlives the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if left := leaked(10 * time.Second); code == 0 && left != "" {
		fmt.Fprintln(os.Stderr, "left behind:\n"+left)
		code = 1
	}
	os.Exit(code)
}

// leaked waits for goroutines to end and describes one that does not.
func leaked(patience time.Duration) string {
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		buf := make([]byte, 1<<20)
		left := ""
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			client := strings.Contains(g, "net/http.(*persistConn)") || strings.Contains(g, "fs/remote.")
			if client && !strings.Contains(g, "TestMain") {
				left = g
			}
		}
		if left == "" || time.Now().After(deadline) {
			return left
		}
	}
}
