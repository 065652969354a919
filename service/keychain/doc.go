// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package keychain reads registry credentials from Docker's config.json: what
// `docker login` and `nerdctl login` write.
//
// For a host, the first of these that has credentials counts: the helper of
// credHelpers, the helper of credsStore, the entry of auths. Helpers are
// programs named docker-credential-NAME, run for each question and given up
// after a time. Files are read again when they change.
//
// Docker Hub goes by several names; a login under any of them counts for all.
package keychain
