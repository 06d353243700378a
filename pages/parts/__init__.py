"""What the pages are made of, named by the page that shows it, or by what it draws where several do."""
