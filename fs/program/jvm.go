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
	// classBytes is what is fetched of the platform's classes where one begins: its
	// package's neighbours lie around it.
	classBytes = 16 << 10
)

var (
	// jvmHomes are where the files of Java platforms are: Debian, Alpine and Fedora,
	// Eclipse Temurin, Corretto, and those of the vendors.
	jvmHomes = &places{[]string{"/usr/lib/jvm/*/lib", "/opt/*/*/lib", "/opt/*/lib", "/usr/java/*/lib", "/usr/local/*/lib"}}
	// jvmClasses are classes of the platform that applications load when they start,
	// one for each place outside the beginning of its file: logs, XML, beans, names,
	// management, TLS. Without, a server waits for each of them in turn.
	jvmClasses = []string{
		"/java.logging/java/util/logging/FileHandler.class",
		"/java.xml/javax/xml/parsers/SAXParserFactory.class",
		"/java.xml/org/xml/sax/ext/Attributes2Impl.class",
		"/java.xml/com/sun/org/apache/xerces/internal/jaxp/SAXParserFactoryImpl.class",
		"/java.xml/com/sun/org/apache/xerces/internal/impl/XMLEntityManager.class",
		"/java.desktop/java/beans/PropertyChangeSupport.class",
		"/java.naming/javax/naming/NamingException.class",
		"/java.management/javax/management/ObjectName.class",
		"/jdk.management/com/sun/management/internal/PlatformMBeanProviderImpl.class",
		"/java.base/javax/net/ssl/SSLException.class",
	}
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

// addClasses adds the classes of the image's Java platforms that applications use
// and that are not in the beginning of its file.
func (s *start) addClasses() {
	for _, dir := range s.among(jvmHomes) {
		f, ok := s.find(path.Join(dir, jvmModules))
		if !ok {
			continue
		}
		c := content{s, f}
		platform, err := openJimage(c)
		if err != nil {
			continue
		}
		_, size := f.Layer.Tree().Data(f.Node)
		for _, name := range jvmClasses {
			if off, ok := platform.find(name); ok {
				s.addPart(c, max(off, jvmBase), min(off+classBytes, size))
			}
		}
	}
}
