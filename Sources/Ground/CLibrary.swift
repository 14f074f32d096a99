// The only import of the system's C library; other files get it by importing Ground.
#if canImport(Darwin)
@_exported public import Darwin
#elseif canImport(Glibc)
@_exported public import Glibc
#else
@_exported public import Musl
#endif
