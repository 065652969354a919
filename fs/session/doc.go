// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package session serves FUSE mounts: one epoll instance and a small pool of
// workers for every /dev/fuse descriptor of the process, with go-fuse's
// [fuse.ProtocolServer] for the protocol.
//
// # Parts
//
// A [Loop] owns the workers; a [Session] is one mounted file system. Workers
// all wait in epoll_wait on the same instance, the kernel wakes one of them
// for a readable descriptor, and that one reads one request, arms the
// descriptor again (EPOLLONESHOT) and answers the request itself. So a
// request never changes threads, and the number of threads depends on the
// number of workers, not on the number of mounts.
//
// # Reads may block
//
// Only READ may wait for the network. A worker that enters a READ no longer
// counts as available; when too few would be left, it hands its place and
// buffers to a fresh goroutine first and leaves when the read is done. Reads
// in progress are bounded by bytes (Options.ReadBytes); more of them wait in
// a queue of bare requests (about 100 bytes each), while metadata operations
// are served on.
//
//	Lock order:
//	  admission.mu
//	    Session.mu
//	Loop.mu and buffers.mu are leaves.
//
// # Interrupts
//
// FUSE_INTERRUPT closes the cancel channel of the request it names
// (ProtocolServer does that); a read that still waits in the queue is
// answered EINTR at once. When a connection ends, every read in progress is
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
// # Dangers
//
// Never touch a path below a served mount while holding a lock that its
// handlers need. A process that is about to be replaced must hold no open
// file of its own mounts.
package session
