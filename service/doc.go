// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package service joins the parts of the daemon: it turns config into the
// Options of each part, serves containerd's snapshots API on a Unix socket
// and ends everything in order.
//
// # Two processes
//
// [Keep] is the process that is started: it locks the root, the address and the
// status socket, so that two daemons never share one, makes the socket for
// containerd, and keeps all while servers come and go (package keeper). Root and
// address of its servers are its own, whatever the configuration says by then. [Serve] is a server: it waits until its
// predecessor has left the root, and builds the parts from the bottom up
// (registry, finder, scheduler, FUSE loop, file system, snapshotter), which
// takes over the mounts of the predecessor and mounts the other layers of the
// last run again. Only then it answers at the socket. Start needs no network.
//
// # Socket
//
// The socket is made under another name, given its mode, and renamed into
// place: nobody sees it with the wrong mode, and a socket that a dead daemon
// left is replaced in one step. A lock file beside it keeps a second daemon
// from taking the address of a living one.
//
// # End
//
// When the context of Serve ends, or the keeper wants the server to leave, no
// new calls are accepted. Calls that run may finish; those that do not within
// the grace time are cancelled. Then the parts are closed from the top down. A
// server that leaves stops serving mounts first, without unmounting them.
package service
