// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"spryd": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"waitserve": waitServe,
			"reload":    reload,
		},
	})
}

// waitServe waits until someone accepts connections at a socket.
func waitServe(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", ts.MkAbs(args[0]))
		if err == nil {
			ts.Check(conn.Close())
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("%s is not served: %v", args[0], err)
		}
	}
}

// reload sends SIGHUP to the daemon of a root and waits for its next server.
func reload(ts *testscript.TestScript, _ bool, args []string) {
	pid := func(name string) int {
		b, _ := os.ReadFile(filepath.Join(ts.MkAbs(args[0]), name))
		n, _ := strconv.Atoi(strings.TrimSpace(string(b))) // 0: none now
		return n
	}
	other := func(than int) int {
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if now := pid("server.pid"); now != 0 && now != than {
				return now
			}
		}
		ts.Fatalf("no server but %d", than)
		return 0
	}
	before := other(0)
	ts.Check(syscall.Kill(pid("keeper.pid"), syscall.SIGHUP))
	other(before)
}
