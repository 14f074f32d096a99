await Gesso.start()
