// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package service joins the parts of the daemon: it turns config into the
// Options of each part, serves containerd's snapshots API on a Unix socket
// and ends everything in order.
//
// # Start
//
// [Run] locks the root directory, so that two daemons never share one, builds
// the parts from the bottom up (registry, finder, scheduler, FUSE loop, file
// system, snapshotter), which mounts the layers of the last run again, and
// only then appears at its address. Start needs no network.
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
// When the context of Run ends, no new calls are accepted. Calls that run may
// finish; those that do not within the grace time are cancelled. Then the
// parts are closed from the top down.
package service
