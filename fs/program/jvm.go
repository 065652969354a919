// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import "path"

// jvmLauncher is the library that every launcher of a Java virtual machine is
// linked with. It loads the machine by name.
const jvmLauncher = "libjli.so"

// jvmFiles are read at every start of a Java virtual machine, from the folder of
// its launcher: that is the machine itself, and classes as they lie in memory,
// which are mapped and used all over: they are fetched whole whatever their size,
// but for jvmModules.
var jvmFiles = []string{"jvm.cfg", "server/libjvm.so", "server/classes.jsa", "libjava.so", "libjimage.so", "libzip.so", "libnio.so", "libnet.so", jvmModules}

const (
	// jvmModules has the classes of the Java platform, those of java.base first,
	// which programs use all over; jvmBase is about the size of these, in bytes, of
	// Java 17.
	jvmModules = "modules"
	jvmBase    = 28 << 20
	// jvmHome is set or looked for by scripts that start a Java virtual machine,
	// by a path that they put together.
	jvmHome, jvmProgram = "JAVA_HOME", "java"
)

// addJVM adds what launcher f loads.
func (s *start) addJVM(f File) {
	for _, name := range jvmFiles {
		file, ok := s.find(path.Join(path.Dir(f.Path), name))
		if ok {
			_, size := file.Layer.Tree().Data(file.Node)
			if name == jvmModules {
				size = min(size, jvmBase)
			}
			s.begin(file, size)
		}
	}
}
