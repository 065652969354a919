// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package index is the vocabulary of lazy loading: which artifact belongs to
// which layer, under which names.
//
// An index is an OCI image manifest that lists one ztoc (package index/ztoc)
// for each layer of one platform's image manifest. Two bindings exist:
//
//	v1  the index names the image manifest as its subject and is found
//	    through the registry's referrers
//	v2  the image manifest names the index in an annotation, and both are
//	    entries of one OCI index (package index/convert makes it)
//
// The package turns bytes into values and back. It opens nothing, fetches
// nothing and logs nothing; everything it parses is hostile until it
// validated it.
package index
