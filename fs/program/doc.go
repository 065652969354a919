// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package program fetches what starting a program reads before it is asked
// for: the program itself, the interpreter that a script or an ELF file names,
// and the shared libraries that it needs, and they need; the modules that Python
// imports before a program, and those that its code imports, compiled or source, and they import; those that Perl, Ruby and
// JavaScript for Node name, and they name; the extensions that PHP is configured to
// load; the modules of Erlang and Elixir beside one that is loaded, and those that their virtual
// machine loads itself; the packages that Go sources import, and the tools that build them; the
// headers that C and C++ sources include, and these, and what the compiler runs and
// links with; the packages that R and its scripts load, and they need; the commands of
// shell scripts, and the scripts and Java libraries that they name; what the launcher
// of a Java virtual machine loads, and with the first library of a server the classes
// of the platform that most use; and the locale that the image or an interpreter
// chooses. Kernel, loader, interpreters and compilers read these one after another;
// over a network each would cost the answer time of a registry. They are fetched in
// that order, many at a time.
//
// What it finds are guesses. It looks for files as the loader and interpreters
// do, but knows neither their caches nor the environment, PATH and locale of the
// image apart, and runs nothing. Of the
// layers that are unpacked only small ones are known, and these only at a pull. A
// wrong guess costs bytes; a missing one costs waiting.
//
// Layers are hostile: whatever is in them, one start fetches at most maxFiles
// and maxBytes, and looks for at most maxFinds paths and maxTried modules: each name
// in a directory that is listed is one of these paths. Nothing is looked for or
// listed but by the methods find and list of start, which know that and whether the
// start is over.
package program
