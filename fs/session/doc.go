// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package session serves FUSE mounts from /dev/fuse descriptors, with go-fuse's
// [fuse.ProtocolServer] for the protocol.
//
// # Parts
//
// A [Loop] serves any number of mounts; a [Session] is one of them. The epoll
// instance that waits for their descriptors is that of Go's runtime: each
// session has one parked goroutine, its leader, and no thread. The leader
// reads a request and answers it itself, so that a request never changes
// goroutines: with reads handed to a fresh goroutine, their median was 5 to
// 10 ms while other goroutines kept every CPU busy, instead of 0.3 ms.
//
// Own threads in epoll_wait were measured against this (one process reading
// 4 KiB at a time past the page cache, two CPUs, medians): a sixth to a third
// less latency on a quiet machine in six runs of eight, but 1.1 to 2 times
// the latency in all five runs in which the process kept its CPUs busy, since
// a thread back from a system call has to find a P. A cold start is the
// second case: it inflates.
//
// # Reads may block
//
// Only READ may wait for the network, and an OPEN of a file that is passed
// through and was changed. A leader that gets one makes a fresh goroutine the
// leader first and leaves when it is done. Reads in
// progress are bounded by bytes (Options.ReadBytes); more of them wait in a
// queue of bare requests (about 100 bytes each), while metadata operations
// are served on.
//
//	Lock order:
//	  admission.mu
//	    Session.mu
//	Loop.mu, buffers.mu, kits.mu and idle.mu are leaves.
//
// # Interrupts
//
// FUSE_INTERRUPT closes the cancel channel of the request it names
// (ProtocolServer does that) if its thread is about to end; a read that still
// waits in the queue is answered EINTR at once then. A read of a thread that
// lives on goes on (leaving.go). When a connection ends, every read in progress is
// cancelled the same way.
//
// # Buffers
//
// Requests are read into buffers that are mapped with MAP_POPULATE and
// locked: a SIGKILL while the kernel copies a request into a page that is
// not there ends that request with EIO, and sessions are meant to outlive
// the process. Reply buffers of reads are filled just before they are
// written, so only the first few are kept populated.
//
// # Succession
//
// A session is a descriptor and a state (a memory file: INIT, identity, open
// files), both of which a [Keeper] outside this process has as well. A
// successor starts with them as [Orphan] sessions; Mount with the same identity
// takes them over: the kept INIT is replayed to the protocol server, the
// kernel sends unanswered requests again (FUSE_NOTIFY_RESEND), and serving goes
// on. Leave is the orderly way out; SIGKILL does as well.
//
// # Passthrough
//
// Files that MountOptions.Backing has when they are opened are read by the
// kernel itself. See openFile for the rule that one inode has one id.
//
// # Dangers
//
// Never touch a path below a served mount while holding a lock that its
// handlers need. The serving process must not map files of its own mounts: a
// page fault keeps the P that should answer it. It must not hold files open
// there when it may be killed: exiting then waits for a FLUSH that nobody
// answers, unless the file was opened with FOPEN_NOFLUSH.
package session
