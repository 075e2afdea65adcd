"""How the platform is installed and run: servers, images, compose."""
