// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package remotetest is a real OCI registry for tests: it stores what is
// pushed in memory, serves ranges, referrers and tokens, counts every request,
// and misbehaves exactly as told.
//
// A test starts one, fills it and points the code under test at it:
//
//	srv := remotetest.New(t)
//	layer := remotetest.Gzip(t, remotetest.Tar(t, remotetest.File{Name: "a", Body: "x"}))
//	img := srv.PushImage("app", "latest", layer)
//	ref := srv.Ref("app", "latest") // 127.0.0.1:port/app:latest
//
// A [Rule] says which requests an [Action] is applied to. The first rule that
// matches and is not used up decides; a request no rule matches is served
// properly:
//
//	srv.Rule(remotetest.Rule{Path: "/blobs/", Times: 1, Do: remotetest.Cut(100)})
//
// [Server.Mirror] starts a second server over the same content, as a mirror or
// as the blob store that [Redirect] sends clients to.
//
// Everything is safe for concurrent use.
package remotetest
