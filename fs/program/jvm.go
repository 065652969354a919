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
var jvmFiles = []string{"jvm.cfg", "server/libjvm.so", "server/classes.jsa", "libjsvml.so", "libjava.so", "libjimage.so", "libzip.so", "libnio.so", "libnet.so", jvmModules}

const (
	// jvmModules has the classes of the Java platform, those of java.base first.
	// jvmBase is about the size of these, in bytes, of Java 17, which servers use all
	// over; small programs what is in jvmBoot of it.
	jvmModules = "modules"
	jvmBase    = 28 << 20
	jvmBoot    = 16 << 20
	// jvmHome is set or looked for by scripts that start a Java virtual machine,
	// by a path that they put together.
	jvmHome, jvmProgram = "JAVA_HOME", "java"
	// jvmLib is where a platform has its files, from its programs.
	jvmLib = "../lib"
)

var (
	// jvmHomes are where the files of Java platforms are: Debian, Alpine and Fedora,
	// Eclipse Temurin, Corretto, and those of the vendors.
	jvmHomes = &places{[]string{"/usr/lib/jvm/*/lib", "/opt/*/*/lib", "/opt/*/lib", "/usr/java/*/lib", "/usr/local/*/lib"}}
	// jvmClasses are classes of the platform that servers load when they start,
	// one for each place outside the beginning of its file: locales, logs, XML, beans,
	// names, management, TLS, and the providers of algorithms, which are asked one
	// after another. Without, a server waits for each of them in turn.
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
		"/jdk.localedata/sun/util/resources/cldr/provider/CLDRLocaleDataMetaInfo.class",
		"/java.security.jgss/sun/security/jgss/SunProvider.class",
		"/java.xml.crypto/org/jcp/xml/dsig/internal/dom/XMLDSigRI.class",
		"/jdk.crypto.cryptoki/sun/security/pkcs11/SunPKCS11.class",
		"/jdk.jfr/jdk/jfr/internal/handlers/EventHandler.class",
	}
)

// addJVM adds what a launcher loads from directory dir of a Java platform, that of
// its library.
func (s *start) addJVM(dir string) {
	for _, name := range jvmFiles {
		file, ok := s.find(path.Join(dir, name))
		if ok {
			_, size := file.Layer.Tree().Data(file.Node)
			if name == jvmModules {
				size = min(size, jvmBoot)
			}
			s.begin(file, size)
		}
	}
}

// addClasses adds the classes of the image's Java platforms that servers use and
// small programs do not.
func (s *start) addClasses() {
	for _, dir := range s.among(jvmHomes) {
		f, ok := s.find(path.Join(dir, jvmModules))
		if !ok {
			continue
		}
		c := content{s, f}
		_, size := f.Layer.Tree().Data(f.Node)
		s.addPart(c, jvmBoot, min(jvmBase, size))
		platform, err := openJimage(c)
		if err != nil {
			continue
		}
		for _, name := range jvmClasses {
			if off, ok := platform.find(name); ok && off < size { // or else the file lies
				from, n := f.Layer.Around(f.Node, off)
				s.addPart(c, max(from, jvmBase), from+n)
			}
		}
	}
}
