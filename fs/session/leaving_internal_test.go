// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package session

import "testing"

// TestIsFatal reads what waits for a thread.
func TestIsFatal(t *testing.T) {
	const none, kill, usr1, stop = "0000000000000000", "0000000000000100", "0000000000000200", "0000000000040000"
	for _, c := range []struct {
		name, thread, process, blocked, caught string
		want                                   bool
	}{
		{"nothing", none, none, none, none, false},
		{"killed", kill, none, none, none, true},
		{"killed with handlers", kill, none, usr1, usr1, true},
		{"no handler", none, usr1, none, none, true},
		{"handler", usr1, usr1, none, usr1, false},
		{"blocked", none, usr1, usr1, none, false},
		{"stopped", none, stop, none, none, false},
	} {
		status := "Name:\tx\nSigQ:\t1/2\nSigPnd:\t" + c.thread + "\nShdPnd:\t" + c.process + "\nSigBlk:\t" + c.blocked + "\nSigIgn:\t" + usr1 + "\nSigCgt:\t" + c.caught + "\n"
		if got := isFatal([]byte(status)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
