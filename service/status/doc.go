// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package status is what a daemon tells operators of its layers, and how to
// ask for it: did this image start lazily, how far is it, what is wrong.
package status
