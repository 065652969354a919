// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package program fetches what starting a program reads before it is asked
// for: the program itself, the interpreter that a script or an ELF file names,
// and the shared libraries that it needs, and they need. The kernel and the
// dynamic loader read these one after another; over a network each would cost
// the answer time of a registry.
//
// What it finds are guesses. It looks for files as the loader does, but knows
// neither its cache nor the environment, and it reads only layers that are
// mounted lazily. A wrong guess costs bytes; a missing one costs waiting.
package program
