// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package keeper keeps what must outlive the serving process: descriptors.
//
//	spryd (keeper)  ── starts, restarts, hands over ──>  spryd --serve (server)
//	     │   <── Hold and Drop of FUSE sessions ──         everything else
//	     └── systemd's descriptor store, where there is one
//
// The keeper is the process that is started and signalled. It looks into no
// mount and parses little but its own messages, so that there is nothing in it
// that could fail. Whatever ends the server (a crash, kill -9, an
// upgrade), the next one is given the same listening socket and the same
// sessions; clients and readers of mounts wait meanwhile.
//
// # Signals
//
//	SIGTERM, SIGINT   the server ends and unmounts; with a descriptor store it
//	                  leaves mounts as they are, for the next start
//	SIGHUP            upgrade: the binary at the same path is started; once it
//	                  says hello, the old server leaves and the new one takes
//	                  over. If it does not start, nothing happens.
//	SIGABRT           systemd's watchdog: the server hangs. It ends and says
//	                  where it was; mounts stay for the next start
//
// # Messages
//
// Keeper and server share a pair of SOCK_SEQPACKET sockets. A message is one
// byte of kind and a name; descriptors travel with it (SCM_RIGHTS). What a
// server sent before it died is read before its successor is told anything.
//
// A server that was killed and waits for its own mount is freed: see stuck.go.
//
// A server whose keeper is gone leaves too: with systemd, the next keeper finds
// the descriptors in the store.
package keeper
