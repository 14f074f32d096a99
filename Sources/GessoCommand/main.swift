#if Client
await Gesso.start()
#else
// The command needs the packages of the trait `Client`; without it only the library is built.
print("gesso was built without the trait Client and can do nothing: build it with the default traits")
#endif
